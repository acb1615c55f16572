import { mount } from "../shared/mount";
import { TableStore } from "../shared/table";
import "../shared/grid.css";
import { Inbox } from "./inbox";
import { conversationFrom } from "./row";
import "./style.css";

export default mount((model) => new TableStore(model, conversationFrom), Inbox);
