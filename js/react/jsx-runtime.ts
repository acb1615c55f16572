/** What React does and Preact does not: numbers of a style are pixels. */
import type { ComponentChildren, ComponentType, VNode } from "preact";
import { jsx as make } from "preact/jsx-runtime";

type Props = { style?: Record<string, unknown>; children?: ComponentChildren };
type Make = (type: string | ComponentType, props: Props, key?: string) => VNode;

export const jsx: Make = (type, props, key) => {
  if (typeof type !== "string" || !props.style) return (make as Make)(type, props, key);
  const style = Object.entries(props.style).map(([name, value]) => [
    name,
    typeof value === "number" ? `${value}px` : value,
  ]);
  return (make as Make)(type, { ...props, style: Object.fromEntries(style) }, key);
};
