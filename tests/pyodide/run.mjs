// Runs the session of tests/inside in Pyodide. Arguments: folders with the package, with what it needs, with the session.
import { loadPyodide } from "pyodide";

const pyodide = await loadPyodide();
for (const [place, root] of process.argv.slice(2).entries()) {
  pyodide.FS.mkdirTree(`/folder${place}`);
  pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root }, `/folder${place}`);
}
console.log(
  await pyodide.runPythonAsync(`
import json, sys, threading, types

sys.path[:0] = ["/folder0", "/folder1", "/folder2"]

class Absent(types.ModuleType):
    "Stands where pandas would be, so that the package can be imported; nothing can be done with it."
    def __getattr__(self, name):
        return lambda *arguments, **options: None

sys.modules["pandas"] = Absent("pandas")

try:
    threading.Thread(target=print).start()
    threads = True
except RuntimeError:
    threads = False

import time
from session import session

began = time.perf_counter()
said = await session()
json.dumps({"said": said, "platform": sys.platform, "threads": threads, "seconds": time.perf_counter() - began})
`),
);
process.exit(0); // Pyodide keeps Node waiting
