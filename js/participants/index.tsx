import { mount } from "../shared/mount";
import { TableStore } from "../shared/table";
import "../shared/grid.css";
import { Participants } from "./participants";
import { participantFrom } from "./row";
import "./style.css";

export default mount((model) => new TableStore(model, participantFrom), Participants);
