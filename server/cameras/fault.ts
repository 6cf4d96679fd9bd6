import type { NoticeCode } from '../protocol/codes.ts';

export type FaultCode = Extract<NoticeCode, `source_${string}` | 'b_frames'>;

/**
 * Why a camera does not play: a sentence for the operator, who sees it in the
 * API and the log, and for viewers, who wait; hence without addresses.
 */
export class CameraFault extends Error {
  readonly code: FaultCode;
  /** Whether it may pass by itself; else somebody has to change something, and trying often is of no use. */
  readonly passing: boolean;

  constructor(code: FaultCode, message: string, options: ErrorOptions & { passing?: boolean } = {}) {
    super(message, options);
    this.name = 'CameraFault';
    this.code = code;
    this.passing = options.passing ?? code === 'source_unreachable';
  }
}
