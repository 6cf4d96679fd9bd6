/** What a client said of itself, and when, in ms since 1970. */
export type Reported<Statistics> = Statistics & { readonly at: number };
