import type { ComponentChildren } from "preact";

function Icon({ children, width = 16 }: { children: ComponentChildren; width?: number }) {
  return (
    <svg class="cw-icon" viewBox={`0 0 ${width} 16`} width={width} height={16} aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export const Tick = () => (
  <Icon>
    <path d="m3 8.6 3.2 3.2L13 5" />
  </Icon>
);

export const Ticks = () => (
  <Icon width={20}>
    <path d="m2 8.6 3.2 3.2L12 5M9.2 11.2l.6.6L16.6 5" />
  </Icon>
);

export const Clock = () => (
  <Icon>
    <circle cx="8" cy="8" r="5.6" />
    <path d="M8 5v3.2l2 1.3" />
  </Icon>
);

export const Warning = () => (
  <Icon>
    <circle cx="8" cy="8" r="6" />
    <path d="M8 4.8v4M8 11v.4" />
  </Icon>
);

export const Down = () => (
  <Icon>
    <path d="M8 3v9.4M4 8.6l4 4 4-4" />
  </Icon>
);

export const Up = () => (
  <Icon>
    <path d="M8 13V3.6M4 7.4l4-4 4 4" />
  </Icon>
);

export const Magnifier = () => (
  <Icon>
    <circle cx="7" cy="7" r="4.2" />
    <path d="m10.2 10.2 3.4 3.4" />
  </Icon>
);

export const Close = () => (
  <Icon>
    <path d="m4 4 8 8M12 4l-8 8" />
  </Icon>
);

export const Download = () => (
  <Icon>
    <path d="M8 2.5v7.6M4.8 7l3.2 3.1L11.2 7M3 13.2h10" />
  </Icon>
);

export const Play = () => (
  <Icon>
    <path d="M5 3.2v9.6L12.6 8z" />
  </Icon>
);

export const Smile = () => (
  <Icon>
    <circle cx="8" cy="8" r="5.8" />
    <path d="M5.6 9.4c1.2 1.7 3.6 1.7 4.8 0M6.2 6.4v.2M9.8 6.4v.2" />
  </Icon>
);

export const Pin = () => (
  <Icon>
    <path d="M8 14c3-3.4 4.4-5.6 4.4-7.4a4.4 4.4 0 0 0-8.8 0C3.6 8.4 5 10.6 8 14z" />
    <circle cx="8" cy="6.6" r="1.5" />
  </Icon>
);

export const Clip = () => (
  <Icon>
    <path d="m13 7.4-5.5 5.4a3.3 3.3 0 0 1-4.7-4.6L8.6 2.4a2.2 2.2 0 0 1 3.1 3.1L6 11.2a1.1 1.1 0 0 1-1.6-1.6l5-4.9" />
  </Icon>
);

export const Cross = () => (
  <Icon>
    <path d="m4.5 4.5 7 7M11.5 4.5l-7 7" />
  </Icon>
);

export const Dots = () => (
  <Icon>
    <path d="M3.5 8h.01M8 8h.01M12.5 8h.01" stroke-width="2.4" />
  </Icon>
);

export const Plane = () => (
  <Icon>
    <path d="M2.4 8 13.6 2.8 10 13.4 7.6 8.9zM7.6 8.9l6-6.1" />
  </Icon>
);

export const Lock = () => (
  <Icon>
    <rect x="3.5" y="7.2" width="9" height="6.3" rx="1.4" />
    <path d="M5.4 7V5.2a2.6 2.6 0 0 1 5.2 0V7" />
  </Icon>
);

export const Funnel = () => (
  <Icon>
    <path d="M2.4 3.4h11.2L9.4 8.4v4.2l-2.8-1.4V8.4z" />
  </Icon>
);

export const PersonPlus = () => (
  <Icon>
    <circle cx="6.4" cy="5.4" r="2.6" />
    <path d="M1.8 13.4c.4-2.8 2.2-4.2 4.6-4.2 1.2 0 2.3.4 3.1 1.1M12.4 9.6v4M10.4 11.6h4" />
  </Icon>
);

export const BellOff = () => (
  <Icon>
    <path d="M4.6 11.6h6.8M4.9 6.6v2.2l-1.2 2.8M11.1 8.8V6.6A3.1 3.1 0 0 0 6 4.2M7 13.6h2M2.6 2.6l10.8 10.8" />
  </Icon>
);

const SHEET = "M4 1.9h5.2L12.6 5.3v8.8H4zM9.2 1.9v3.4h3.4";

/** A sheet of paper with a sign of what is on it. */
export function FileIcon({ contentType }: { contentType: string }) {
  switch (contentType.split("/")[0]) {
    case "image":
      return (
        <Icon>
          <rect x="2" y="3" width="12" height="10" rx="1.4" />
          <circle cx="5.6" cy="6.3" r="1.1" />
          <path d="m2.6 12 3.6-3.4 2.2 2 2.4-2.8 3 3.4" />
        </Icon>
      );
    case "audio":
      return (
        <Icon>
          <path d="M2.5 6.8v2.4M5.2 4.6v6.8M8 2.8v10.4M10.8 5.2v5.6M13.5 6.8v2.4" />
        </Icon>
      );
    case "video":
      return (
        <Icon>
          <rect x="1.8" y="3.8" width="8.6" height="8.4" rx="1.4" />
          <path d="m10.4 7.2 3.8-2.2v6l-3.8-2.2z" />
        </Icon>
      );
    default:
      return (
        <Icon>
          <path d={`${SHEET}M6.2 8h4.2M6.2 10.6h4.2`} />
        </Icon>
      );
  }
}
