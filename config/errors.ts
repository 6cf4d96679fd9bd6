/**
 * A setting that cannot be used. Its message is one line for the operator: the
 * setting, its value and what is allowed. Thrown before anything is started;
 * main prints the message alone and exits.
 */
export class ConfigError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConfigError';
  }
}
