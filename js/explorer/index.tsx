import { mount } from "../shared/mount";
import "../shared/grid.css";
import "../connection/style.css";
import "../inbox/style.css";
import "../participants/style.css";
import "../thread/style.css";
import { Explorer } from "./explorer";
import { ExplorerStore } from "./store";
import "./style.css";

export default mount((model) => new ExplorerStore(model), Explorer);
