import { useContext, useEffect, useRef, useState } from "preact/hooks";
import { Download, FileIcon, Play } from "../shared/icons";
import type { Medium } from "../shared/model";
import { sizeName } from "../shared/text";
import { safeName, save } from "./files";
import { ReadingContext } from "./reading";
import { useSeen } from "./seen";

/** Pictures up to this size load by themselves. */
const UNASKED = 4 * 1024 * 1024;

/** What is shown in the page: nothing that can hold a script, a link or a request. All else is a file to download. */
const PICTURES = /^image\/(?:png|jpe?g|gif|webp|avif|bmp)$/;
const SOUNDS = /^audio\/(?:mpeg|mp3|mp4|x-m4a|aac|ogg|opus|wav|x-wav|webm|flac)$/;
const FILMS = /^video\/(?:mp4|webm|ogg|quicktime)$/;

const typeOf = (medium: Medium): string => medium.contentType.split(";")[0]?.trim().toLowerCase() ?? "";

export type Kind = "picture" | "sound" | "film" | "file";

export function kindOf(medium: Medium): Kind {
  const type = typeOf(medium);
  if (PICTURES.test(type)) return "picture";
  if (SOUNDS.test(type)) return "sound";
  return FILMS.test(type) ? "film" : "file";
}

const nameOf = (medium: Medium): string => medium.filename ?? "Unnamed file";

/** The blob under an address of its own, for as long as it is shown. */
function useUrl(blob: Blob | null, type: string): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (!blob) return;
    const made = URL.createObjectURL(blob.slice(0, blob.size, type));
    setUrl(made);
    return () => {
      setUrl(null);
      URL.revokeObjectURL(made);
    };
  }, [blob, type]);
  return url;
}

interface Fetched {
  blob: Blob | null;
  /** How much of it is there, 0 to 1; null while nobody fetches it. */
  part: number | null;
  error: string | null;
  fetch(): Promise<Blob | null>;
}

/** A file's bytes, as soon as `wanted` or fetched; given up when the row goes out of sight. */
export function useFile(index: number, medium: Medium, wanted: boolean): Fetched {
  const { desk } = useContext(ReadingContext);
  const [blob, setBlob] = useState<Blob | null>(() => desk?.files.peek(medium.sid) ?? null);
  const [part, setPart] = useState<number | null>(null);
  const [error, setError] = useState<string | null>(null);
  const stop = useRef<AbortController | null>(null);
  const fetch = async (): Promise<Blob | null> => {
    if (blob || !desk) return blob;
    stop.current?.abort();
    const mine = new AbortController();
    stop.current = mine;
    setPart(0);
    setError(null);
    try {
      const got = await desk.files.get(index, medium, mine.signal, (each) => !mine.signal.aborted && setPart(each));
      if (!mine.signal.aborted) setBlob(got);
      return got;
    } catch (reason) {
      if (!mine.signal.aborted) setError(reason instanceof Error ? reason.message : String(reason));
      return null;
    } finally {
      if (!mine.signal.aborted) setPart(null);
    }
  };
  useEffect(() => {
    if (wanted) void fetch();
  }, [wanted, medium.sid]);
  useEffect(() => () => stop.current?.abort(), []);
  return { blob, part, error, fetch };
}

/** What was attached to a message. */
export function Media({ index, media }: { index: number; media: readonly Medium[] }) {
  return (
    <div class="cw-files">
      {media.map((medium, at) => {
        const key = medium.sid || at;
        const kind = kindOf(medium);
        if (kind === "picture") return <Picture key={key} index={index} medium={medium} />;
        return kind === "file" ? (
          <File key={key} index={index} medium={medium} />
        ) : (
          <Player key={key} index={index} medium={medium} film={kind === "film"} />
        );
      })}
    </div>
  );
}

/** A picture in a box of a size that does not depend on it, so that no row moves when it comes. */
function Picture({ index, medium }: { index: number; medium: Medium }) {
  const box = useRef<HTMLElement>(null);
  const seen = useSeen(box);
  const [asked, setAsked] = useState(false);
  const [broken, setBroken] = useState(false);
  const [large, setLarge] = useState(false);
  const light = medium.size !== null && medium.size <= UNASKED;
  const file = useFile(index, medium, asked || (seen && light));
  const url = useUrl(file.blob, typeOf(medium));
  const name = nameOf(medium);
  const waits = light && file.error === null; // what nobody asked for fails quietly: there may be no kernel
  const ask = () => {
    setAsked(true);
    if (file.error !== null) void file.fetch();
  };
  if (broken) return <File index={index} medium={medium} />;
  return (
    <figure ref={box} class={large ? "cw-picture cw-large-picture" : "cw-picture"}>
      {url ? (
        <button type="button" class="cw-view" aria-expanded={large} onClick={() => setLarge(!large)}>
          <img src={url} alt={name} title={name} onError={() => setBroken(true)} />
        </button>
      ) : file.error !== null && asked ? (
        <p class="cw-view cw-lost" role="alert">
          <span>{file.error}</span>
          <button type="button" class="cw-button" onClick={() => void file.fetch()}>
            Retry
          </button>
        </p>
      ) : (
        <button type="button" class="cw-view" disabled={waits} title={file.error ?? name} onClick={ask}>
          <FileIcon contentType={medium.contentType} />
          {!waits && file.part === null && "Show"}
          <Progress part={file.part} />
        </button>
      )}
      <figcaption>
        <bdi class="cw-file-name" title={name}>
          {name}
        </bdi>
        <span class="cw-file-size">{medium.size === null ? "" : sizeName(medium.size)}</span>
        <SaveButton file={file} medium={medium} />
      </figcaption>
    </figure>
  );
}

function SaveButton({ file, medium }: { file: Fetched; medium: Medium }) {
  const button = useRef<HTMLButtonElement>(null);
  return (
    <button
      ref={button}
      type="button"
      class="cw-plain cw-save"
      title="Download"
      aria-label={`Download ${nameOf(medium)}`}
      onClick={() => void saveAs(file, medium, button.current)}
    >
      <Download />
    </button>
  );
}

async function saveAs(file: Fetched, medium: Medium, near: Element | null): Promise<void> {
  const blob = await file.fetch();
  if (blob && near) save(blob, safeName(medium.filename, medium.sid || "file"), near.ownerDocument);
}

function Progress({ part }: { part: number | null }) {
  if (part === null) return null;
  return <progress class="cw-progress" max={1} value={part} aria-label="Loading" />;
}

function FileText({ medium }: { medium: Medium }) {
  const { contentType, size } = medium;
  const kind = contentType.split("/")[0] || "file";
  const seen = /^(?:image|audio|video)$/.test(kind);
  const ending = /\.([a-z0-9]{1,5})$/i.exec(medium.filename ?? "")?.[1]?.toUpperCase();
  const words = [size === null ? "" : sizeName(size), seen ? kind : (ending ?? kind)];
  return (
    <>
      <span class={`cw-file-icon cw-file-${seen ? kind : "other"}`}>
        <FileIcon contentType={contentType} />
      </span>
      <span class="cw-file-text">
        <bdi class="cw-file-name">{nameOf(medium)}</bdi>
        <span class="cw-file-size">{words.filter(Boolean).join(" · ")}</span>
      </span>
    </>
  );
}

/** Something that is not shown: pressing it downloads it. */
function File({ index, medium }: { index: number; medium: Medium }) {
  const button = useRef<HTMLButtonElement>(null);
  const file = useFile(index, medium, false);
  return (
    <div class="cw-attached">
      <button
        ref={button}
        type="button"
        class="cw-file"
        title={`Download ${nameOf(medium)} (${medium.contentType || "unknown type"})`}
        onClick={() => void saveAs(file, medium, button.current)}
      >
        <FileText medium={medium} />
        <Download />
        <Progress part={file.part} />
      </button>
      <Lost error={file.error} />
    </div>
  );
}

/** A sound or a film: nothing of it is fetched before somebody presses play. */
function Player({ index, medium, film }: { index: number; medium: Medium; film: boolean }) {
  const file = useFile(index, medium, false);
  const [wanted, setWanted] = useState(false);
  const url = useUrl(wanted ? file.blob : null, typeOf(medium));
  const name = nameOf(medium);
  const play = () => {
    setWanted(true);
    void file.fetch();
  };
  return (
    <div class="cw-attached">
      <div class="cw-file">
        <FileText medium={medium} />
        {!url && (
          <button type="button" class="cw-plain cw-save" title="Play" aria-label={`Play ${name}`} onClick={play}>
            <Play />
          </button>
        )}
        <SaveButton file={file} medium={medium} />
        <Progress part={file.part} />
      </div>
      {url &&
        (film ? (
          // biome-ignore lint/a11y/useMediaCaption: strangers send films without any
          <video class="cw-player" src={url} aria-label={name} controls autoPlay />
        ) : (
          // biome-ignore lint/a11y/useMediaCaption: strangers send sounds without any
          <audio class="cw-player" src={url} aria-label={name} controls autoPlay />
        ))}
      <Lost error={file.error} />
    </div>
  );
}

export function Lost({ error }: { error: string | null }) {
  if (error === null) return null;
  return (
    <span class="cw-wrong" role="alert" dir="auto">
      {error}
    </span>
  );
}
