/**
 * The two sides of the comm: what widgets use of anywidget's model, and converters of values that may be anything.
 *
 * The kernel is ours, but its values come from a network of strangers and from saved notebooks of other versions:
 * each converter takes anything, keeps what fits and replaces the rest by a harmless value.
 */

/** The part of anywidget's model that the widgets use. */
export interface AnyModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
}

export type Theme = "auto" | "light" | "dark";

export type Wire = Record<string, unknown>;

export const isWire = (value: unknown): value is Wire =>
  typeof value === "object" && value !== null && !Array.isArray(value);
export const wire = (value: unknown): Wire => (isWire(value) ? value : {});
export const text = (value: unknown): string => (typeof value === "string" ? value : "");
export const textOrNull = (value: unknown): string | null => (typeof value === "string" ? value : null);
export const finite = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null;
export const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
export const oneOf = <T extends string>(value: unknown, allowed: readonly T[], otherwise: T): T =>
  allowed.find((each) => each === value) ?? otherwise;

/** The values of a list that a converter takes; none where it is no list. */
export const listOf = <T>(value: unknown, convert: (each: unknown) => T | null): T[] =>
  (Array.isArray(value) ? value : []).map(convert).filter((each) => each !== null);

/**
 * What the kernel sealed: a value with a "<" travels as JSON text without one, because saved notebooks are exported as
 * HTML, and there it could end the element that holds it.
 */
export function unsealed(value: unknown): unknown {
  if (!isWire(value) || typeof value.json !== "string" || Object.keys(value).length !== 1) return value;
  const known = opened.get(value);
  if (known !== undefined) return known;
  try {
    const found: unknown = JSON.parse(value.json);
    opened.set(value, found);
    return found;
  } catch {
    return null;
  }
}

/** The same value each time, for who compares it with the one before. */
const opened = new WeakMap<Wire, unknown>();

export const themeOf = (model: AnyModel): Theme => oneOf(model.get("theme"), ["auto", "light", "dark"], "auto");
/** Pixels. */
export const heightOf = (model: AnyModel): number => Math.max(160, finite(model.get("height")) ?? 480);

export type Connection = "connecting" | "connected" | "disconnecting" | "disconnected" | "denied";

export const connectionOf = (model: AnyModel): Connection =>
  oneOf(model.get("_connection"), ["connecting", "connected", "disconnecting", "disconnected", "denied"], "connected");
