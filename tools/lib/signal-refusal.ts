/** The server said no, or goodbye; `code` is one of its own. */
export class SignalRefusal extends Error {
  override name = 'SignalRefusal';
  readonly code: string;

  constructor({ code, message }: { code: string; message: string }) {
    super(message);
    this.code = code;
  }
}
