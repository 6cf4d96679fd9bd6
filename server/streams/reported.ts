/** What a client said of itself, and when, in ms since 1970. */
export type Reported<Statistics> = Statistics & { readonly at: number };

/** Reports that come sooner after one another, in ms, are not listened to. */
export const REPORT_GAP_MS = 1000;
