/** Lines of one width on a square of 16, in the colour of the text around them. */
function Icon({ d, width = 16 }: { d: string; width?: number | undefined }) {
  return (
    <svg class="cw-icon" viewBox={`0 0 ${width} 16`} width={width} height={16} aria-hidden="true">
      <path d={d} />
    </svg>
  );
}

/* @__NO_SIDE_EFFECTS__ */
const icon = (d: string, width?: number) => () => <Icon d={d} width={width} />;
/* @__NO_SIDE_EFFECTS__ */
const circle = (x: number, y: number, r: number) =>
  `M${x + r} ${y}a${r} ${r} 0 1 1-${2 * r} 0 ${r} ${r} 0 1 1 ${2 * r} 0`;

export const Tick = icon("m3 8.6 3.2 3.2L13 5");
export const Ticks = icon("m2 8.6 3.2 3.2L12 5M9.2 11.2l.6.6L16.6 5", 20);
export const Clock = icon(`${circle(8, 8, 5.6)}M8 5v3.2l2 1.3`);
export const Warning = icon(`${circle(8, 8, 6)}M8 4.8v4M8 11v.4`);
export const Down = icon("M8 3v9.4M4 8.6l4 4 4-4");
export const Up = icon("M8 13V3.6M4 7.4l4-4 4 4");
export const Magnifier = icon(`${circle(7, 7, 4.2)}M10.2 10.2l3.4 3.4`);
export const Cross = icon("m4.2 4.2 7.6 7.6M11.8 4.2l-7.6 7.6");
export const Download = icon("M8 2.5v7.6M4.8 7l3.2 3.1L11.2 7M3 13.2h10");
export const Play = icon("M5 3.2v9.6L12.6 8z");
export const Smile = icon(`${circle(8, 8, 5.8)}M5.6 9.4c1.2 1.7 3.6 1.7 4.8 0M6.2 6.4v.2M9.8 6.4v.2`);
export const Pin = icon(`M8 14c3-3.4 4.4-5.6 4.4-7.4a4.4 4.4 0 0 0-8.8 0C3.6 8.4 5 10.6 8 14z${circle(8, 6.6, 1.5)}`);
export const Clip = icon(
  "m13 7.4-5.5 5.4a3.3 3.3 0 0 1-4.7-4.6L8.6 2.4a2.2 2.2 0 0 1 3.1 3.1L6 11.2a1.1 1.1 0 0 1-1.6-1.6l5-4.9",
);
export const Dots = icon("M3.2 8h.6M7.7 8h.6M12.2 8h.6");
export const Plane = icon("M2.4 8 13.6 2.8 10 13.4 7.6 8.9zM7.6 8.9l6-6.1");
export const Lock = icon("M3.5 7.2h9v6.3h-9zM5.4 7V5.2a2.6 2.6 0 0 1 5.2 0V7");
export const Funnel = icon("M2.4 3.4h11.2L9.4 8.4v4.2l-2.8-1.4V8.4z");
export const PersonPlus = icon(
  `${circle(6.4, 5.4, 2.6)}M1.8 13.4c.4-2.8 2.2-4.2 4.6-4.2 1.2 0 2.3.4 3.1 1.1M12.4 9.6v4M10.4 11.6h4`,
);
export const BellOff = icon(
  "M4.6 11.6h6.8M4.9 6.6v2.2l-1.2 2.8M11.1 8.8V6.6A3.1 3.1 0 0 0 6 4.2M7 13.6h2M2.6 2.6l10.8 10.8",
);

/** A sheet of paper, or a sign of what is on it. */
const KINDS = new Map([
  ["image", `M2 3h12v10H2z${circle(5.6, 6.3, 1.1)}M2.6 12l3.6-3.4 2.2 2 2.4-2.8 3 3.4`],
  ["audio", "M2.5 6.8v2.4M5.2 4.6v6.8M8 2.8v10.4M10.8 5.2v5.6M13.5 6.8v2.4"],
  ["video", "M1.8 3.8h8.6v8.4H1.8zM10.4 7.2l3.8-2.2v6l-3.8-2.2z"],
]);
const SHEET = "M4 1.9h5.2L12.6 5.3v8.8H4zM9.2 1.9v3.4h3.4M6.2 8h4.2M6.2 10.6h4.2";

export const FileIcon = ({ contentType }: { contentType: string }) => (
  <Icon d={KINDS.get(contentType.split("/")[0] ?? "") ?? SHEET} />
);
