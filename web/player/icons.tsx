/** Those that only the player has use for. */
import { Icon } from '../base/icons.tsx';

/** Three sliders: a gear's teeth blur at this size. */
export const SettingsIcon = () => (
  <Icon>
    <path d="M4 7h9M19 7h1M4 17h1M11 17h9" />
    <circle cx="16" cy="7" r="2.5" />
    <circle cx="8" cy="17" r="2.5" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon>
    <path d="m6 6 12 12M18 6 6 18" />
  </Icon>
);

export const HeadphonesIcon = () => (
  <Icon>
    <path d="M4 15v-3a8 8 0 0 1 16 0v3" />
    <rect x="3.5" y="14" width="4" height="6" rx="1.5" fill="currentColor" />
    <rect x="16.5" y="14" width="4" height="6" rx="1.5" fill="currentColor" />
  </Icon>
);
