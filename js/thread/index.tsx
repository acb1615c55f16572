import { mount } from "../shared/mount";
import "./style.css";
import { ThreadStore } from "./store";
import { Thread } from "./thread";

export default mount((model) => new ThreadStore(model), Thread);
