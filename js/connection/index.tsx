import { mount } from "../shared/mount";
import "../shared/grid.css";
import { Connection } from "./connection";
import { ConnectionStore } from "./store";
import "./style.css";

export default mount((model) => new ConnectionStore(model), Connection);
