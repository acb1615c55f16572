/** Copies a text; false where the browser does not let us. Pages served over plain http have no clipboard of their own. */
export async function copyText(text: string, near: Element): Promise<boolean> {
  const document = near.ownerDocument;
  const clipboard = document.defaultView?.navigator.clipboard;
  try {
    if (clipboard) {
      await clipboard.writeText(text);
      return true;
    }
  } catch {} // not allowed: the old way may be
  const field = document.createElement("textarea");
  field.value = text;
  field.setAttribute("aria-hidden", "true");
  field.style.cssText = "position:fixed;opacity:0;pointer-events:none";
  const had = document.activeElement;
  near.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (had instanceof HTMLElement) had.focus({ preventScroll: true });
  return copied;
}
