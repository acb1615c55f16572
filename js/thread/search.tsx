import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Cross, Down, Magnifier, Up } from "../shared/icons";
import type { Progress, Search } from "./searching";

/** Opens the search, and closes it; the bar gives it the focus back. */
export function SearchButton({ search, button }: { search: Search; button: RefObject<HTMLButtonElement | null> }) {
  return (
    <button
      ref={button}
      type="button"
      class="cw-icon-button cw-find"
      title="Search in this conversation"
      aria-label="Search in this conversation"
      aria-expanded={search.isOpen}
      onClick={() => (search.isOpen ? search.hide() : search.show())}
    >
      <Magnifier />
    </button>
  );
}

/** The field, the number of the shown match, and where to go from it. */
export function SearchBar({ search, newest, onClose }: { search: Search; newest: number; onClose(): void }) {
  const field = useRef<HTMLInputElement>(null);
  const { matches, position, progress, query } = search;
  useEffect(() => {
    if (search.isAsked) field.current?.focus({ preventScroll: true });
  }, [search]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") {
      event.preventDefault();
      search.step(event.shiftKey ? "newer" : "older");
    } else if (event.key === "Escape") {
      event.stopPropagation();
      onClose();
    }
  };
  const isSearching = progress === "searching";
  const way = search.before === null ? 0 : 1 - search.before / Math.max(1, newest + 1);
  return (
    <search class="cw-search-bar">
      <input
        ref={field}
        type="search"
        class="cw-search"
        dir="auto"
        placeholder="Search messages"
        aria-label="Search messages"
        maxLength={200}
        value={query}
        onInput={(event) => search.want(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <span class="cw-count" role="status">
        {countWords(query, position, matches.length, search.hasMore, progress)}
      </span>
      {isSearching && (
        <button type="button" class="cw-button" onClick={() => search.stop()}>
          Stop
        </button>
      )}
      {(progress === "paused" || progress === "failed") && (
        <button type="button" class="cw-button" onClick={() => search.goOn()}>
          {progress === "failed" ? "Retry" : "Search older"}
        </button>
      )}
      <button
        type="button"
        class="cw-icon-button"
        title="Next match, an older one (Enter)"
        aria-label="Next match, an older one"
        disabled={matches.length === 0}
        onClick={() => search.step("older")}
      >
        <Up />
      </button>
      <button
        type="button"
        class="cw-icon-button"
        title="Previous match, a newer one (Shift+Enter)"
        aria-label="Previous match, a newer one"
        disabled={matches.length === 0}
        onClick={() => search.step("newer")}
      >
        <Down />
      </button>
      <button
        type="button"
        class="cw-icon-button"
        title="Close the search (Escape)"
        aria-label="Close the search"
        onClick={onClose}
      >
        <Cross />
      </button>
      {isSearching && (
        <progress class="cw-progress" aria-label="Older messages searched" value={Math.round(way * 100)} max={100} />
      )}
    </search>
  );
}

/** "2 of 17"; with a "+" as long as there may be more. */
export function countWords(
  query: string,
  position: number,
  count: number,
  hasMore: boolean,
  progress: Progress,
): string {
  if (query.trim() === "" || progress === "idle") return "";
  if (progress === "failed") return "The search failed";
  if (count === 0) return progress === "searching" ? "Searching…" : "No matches";
  const more = hasMore || progress !== "done" ? "+" : "";
  const all = `${count.toLocaleString()}${more}`;
  return position > 0 ? `${position.toLocaleString()} of ${all}` : all;
}
