import type { Comm } from "./comm";
import { Warning } from "./icons";

/** What failed in the kernel: one line each, the traceback folded. The text comes from strangers as often as not. */
export function Faults({ comm }: { comm: Comm }) {
  if (comm.faults.length === 0) return null;
  return (
    <div class="cw-faults" role="alert">
      {comm.faults.map((fault) => (
        <div key={fault.id} class="cw-fault">
          <details>
            <summary>
              <Warning />
              <span>
                <b>{fault.what}</b> <bdi>{fault.message}</bdi>
              </span>
            </summary>
            <pre>{fault.traceback}</pre>
          </details>
          <button type="button" class="cw-button" onClick={() => comm.dismiss(fault.id)}>
            Dismiss
          </button>
        </div>
      ))}
    </div>
  );
}
