// The images of a case in the library.
import { startViewer } from "./viewer.js";

startViewer();
