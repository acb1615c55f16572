import { createRef, render } from "preact";
import { useImperativeHandle, useState } from "preact/hooks";
import { expect, test } from "vitest";
import { flushSync, forwardRef, memo } from "../react";
import { jsx } from "../react/jsx-runtime";

const place = document.createElement("div");

test("what is memoized renders when its props changed, by its own measure where it has one", () => {
  let renders = 0;
  const Plain = ({ a }: { a: number; b?: number }) => {
    renders += 1;
    return <i>{a}</i>;
  };
  const Shallow = memo(Plain);
  for (const props of [{ a: 1 }, { a: 1 }, { a: 2 }, { a: 2, b: 1 }]) render(<Shallow {...props} />, place);
  expect([renders, place.textContent]).toEqual([3, "2"]);
  const Odd = memo(Plain, (before, after) => before.a % 2 === after.a % 2);
  for (const a of [1, 3, 4]) render(<Odd a={a} />, place);
  expect([renders, place.textContent]).toEqual([5, "4"]);
});

test("a ref reaches what is inside", () => {
  const Inner = forwardRef<{ n: number }, { n: number }>(({ n }, ref) => {
    useImperativeHandle(ref, () => ({ n }), [n]);
    return <i>{n}</i>;
  });
  const ref = createRef<{ n: number }>();
  render(<Inner n={7} ref={ref} />, place);
  expect(ref.current).toEqual({ n: 7 });
});

test("a change is on the page before flushSync returns", () => {
  let change = (_: number) => {};
  const Counting = () => {
    const [count, setCount] = useState(0);
    change = setCount;
    return <i>{count}</i>;
  };
  render(<Counting />, place);
  change(1);
  expect(place.textContent).toBe("0");
  expect(flushSync(() => (change(2), "result"))).toBe("result");
  expect(place.textContent).toBe("2");
});

test("numbers of a style are pixels", () => {
  render(jsx("div", { style: { top: 5, height: "100%", visibility: undefined } }), place);
  expect((place.firstElementChild as HTMLElement).style.cssText).toBe("top: 5px; height: 100%;");
});
