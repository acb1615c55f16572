import { useCallback, useState } from "preact/hooks";
import { type Comm, RequestFailed } from "./comm";

export interface Acting {
  isBusy: boolean;
  /** Why the last act failed; empty where it did not. */
  failure: string;
  /** Asks the kernel to do something; its result, or null where it could not, which `failure` explains. */
  act: (method: string, params: Record<string, unknown>) => Promise<{ result: unknown } | null>;
  /** Puts the failure away. */
  forget: () => void;
}

/** What a reader does by way of the kernel, one thing at a time, and why it failed where it did. */
export function useActing(comm: Comm): Acting {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState("");
  const act = useCallback(
    async (method: string, params: Record<string, unknown>) => {
      setBusy(true);
      setFailure("");
      try {
        return { result: await comm.request(method, params) };
      } catch (error) {
        setFailure(error instanceof RequestFailed ? error.message : "It failed.");
        return null;
      } finally {
        setBusy(false);
      }
    },
    [comm],
  );
  const forget = useCallback(() => setFailure(""), []);
  return { isBusy, failure, act, forget };
}
