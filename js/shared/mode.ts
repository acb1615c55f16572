import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import type { Theme } from "./values";

/** Whether light text belongs on this colour, as getComputedStyle gives it; null when it cannot be read. */
export function isDark(colour: string): boolean | null {
  const numbers = colour.match(/[\d.]+/g)?.map(Number);
  if (!numbers || numbers.length < 3 || !/^(rgb|color\(srgb)/.test(colour)) return null;
  const scale = colour.startsWith("rgb") ? 255 : 1;
  const [red = 0, green = 0, blue = 0] = numbers.map((each) => each / scale);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.45;
}

/**
 * "light" or "dark". In "auto" the host decides by the background that its variables give us, whatever host it is; a
 * change of theme is noticed as the end of the (1 ms) transition of that background that theme.css declares. Nothing
 * that is not displayed has transitions (Voila shows its page when all of it is there): a new size is another occasion.
 */
export function useMode(theme: Theme, root: RefObject<HTMLElement | null>): "light" | "dark" {
  const [found, setFound] = useState<"light" | "dark">("light");
  useLayoutEffect(() => {
    const element = root.current;
    if (theme !== "auto" || !element) return;
    const look = () => setFound(isDark(getComputedStyle(element).backgroundColor) ? "dark" : "light");
    const onTransition = (event: TransitionEvent) => {
      if (event.target === element && event.propertyName === "background-color") look();
    };
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const shown = new ResizeObserver(look);
    look();
    shown.observe(element);
    element.addEventListener("transitionend", onTransition);
    element.addEventListener("transitioncancel", onTransition); // JupyterLab swaps two stylesheets: the last one cancels
    scheme.addEventListener("change", look);
    return () => {
      shown.disconnect();
      element.removeEventListener("transitionend", onTransition);
      element.removeEventListener("transitioncancel", onTransition);
      scheme.removeEventListener("change", look);
    };
  }, [theme, root]);
  return theme === "auto" ? found : theme;
}
