/** Figures as people read them: few digits, always with their unit. */

export const NONE = '–';

export function formatBitrate(bits: number | null | undefined): string {
  if (bits === null || bits === undefined) return NONE;
  if (bits >= 1e9) return `${digits(bits / 1e9)} Gbit/s`;
  if (bits >= 1e6) return `${digits(bits / 1e6)} Mbit/s`;
  return `${Math.round(bits / 1e3)} kbit/s`;
}

export function formatMs(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return NONE;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${digits(ms / 1000)} s`;
}

export function formatShare(share: number | null | undefined): string {
  if (share === null || share === undefined) return NONE;
  const percent = share * 100;
  return `${percent > 0 && percent < 1 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** `4 d 3 h`, `2 h 5 min`, `3 min`, `12 s` */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [d, h, min] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (d > 0) return `${d} d ${h} h`;
  if (h > 0) return `${h} h ${min} min`;
  return min > 0 ? `${min} min` : `${seconds} s`;
}

export function formatPicture(picture: { width: number; height: number; frameRate: number } | null): string {
  if (!picture || picture.width === 0) return NONE;
  return `${picture.width}×${picture.height}${picture.frameRate > 0 ? `, ${picture.frameRate} fps` : ''}`;
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
