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

export const themeOf = (model: AnyModel): Theme => oneOf(model.get("theme"), ["auto", "light", "dark"], "auto");
/** Pixels. */
export const heightOf = (model: AnyModel): number => Math.max(160, finite(model.get("height")) ?? 480);

export type Connection = "connecting" | "connected" | "disconnecting" | "disconnected" | "denied";

export const connectionOf = (model: AnyModel): Connection =>
  oneOf(model.get("_connection"), ["connecting", "connected", "disconnecting", "disconnected", "denied"], "connected");
