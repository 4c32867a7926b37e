// The consultation page. Everything listens on the document, so that panes can be replaced while it is open.
import "./citations.js";
import "./evidence.js";
import "./compare.js";
import "./panes.js";
import { startViewer } from "./viewer.js";
import { follow } from "./live.js";

startViewer();
follow(startViewer);
