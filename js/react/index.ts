/**
 * The part of React that virtua uses, on Preact. `preact/compat` does the same and much that nobody here needs; its two
 * kilobytes would be in every bundle.
 */
import { Component, type ComponentChildren, type ComponentType, createElement, options, type Ref } from "preact";

export * from "preact/hooks";

/** A component that renders anew only when its props are not the `same` as before. */
export function memo<P extends object>(
  Inner: ComponentType<P>,
  same: (before: P, after: P) => boolean = isShallowSame,
): ComponentType<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(after: Readonly<P>): boolean {
      return !same(this.props, after);
    }

    override render() {
      return createElement(Inner, this.props);
    }
  };
}

function isShallowSame(before: object, after: object): boolean {
  const [one, other] = [before, after] as Record<string, unknown>[];
  const names = Object.keys(one ?? {});
  return names.length === Object.keys(other ?? {}).length && names.every((name) => one?.[name] === other?.[name]);
}

/** Preact gives a component its `ref` among the props. */
export function forwardRef<P, R>(render: (props: P, ref: Ref<R> | null) => ComponentChildren) {
  return ({ ref = null, ...props }: P & { ref?: Ref<R> | null }) => render(props as P, ref);
}

/** Runs what changes states, and has the page show it before it returns. */
export function flushSync<T>(change: () => T): T {
  const before = options.debounceRendering;
  let flush: (() => void) | undefined;
  options.debounceRendering = (render) => {
    flush = render;
  };
  try {
    const result = change();
    flush?.();
    return result;
  } finally {
    options.debounceRendering = before as NonNullable<typeof before>;
  }
}
