// A drill: citations and evidence as on a consultation, without what a consultation can do.
import "./citations.js";
import "./evidence.js";
