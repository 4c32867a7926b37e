// The marks of one picture: saved as soon as they are drawn, kept until they are, and never twice.
const RETRY = 5000;

export class MarkList {
  constructor(address, token, changed) {
    this.address = address;
    this.csrf = token;
    this.changed = changed;
    this.marks = [];
    this.name = `marks ${address}`;
    this.isSending = false;
  }

  async load() {
    try {
      const answer = await fetch(this.address, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      this.marks = (await answer.json()).marks;
    } catch {
      this.say("The marks could not be loaded. Reload the page.");
    }
    // What a page that was closed could not save.
    for (const left of JSON.parse(sessionStorage.getItem(this.name) ?? "[]")) {
      const held = this.marks.find((mark) => mark.token === left.token);
      if (held) Object.assign(held, left, { unsaved: true });
      else this.marks.push({ ...left, unsaved: true });
    }
    this.changed();
    this.send();
  }

  add(mark) {
    // Not randomUUID: it is there on secure addresses alone.
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const token = hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
    const made = { ...mark, token, values: {}, version: 0, own: true, unsaved: true };
    this.marks.push(made);
    this.keep();
    this.send();
    return made;
  }

  change(mark, changes) {
    Object.assign(mark, changes, { values: {}, unsaved: true, edits: (mark.edits ?? 0) + 1 });
    this.keep();
    this.send();
  }

  async remove(mark) {
    if (mark.id) {
      const answer = await this.post(`/studies/marks/${mark.id}/delete/`, {});
      if (!answer.ok && answer.status !== 404) {
        this.say("The mark could not be deleted. Try again.");
        return;
      }
    }
    this.marks = this.marks.filter((each) => each !== mark);
    this.keep();
  }

  get unsaved() {
    return this.marks.filter((mark) => mark.unsaved);
  }

  keep() {
    const left = this.unsaved.map(({ token, id, kind, frame, points, label, version, own }) => ({ token, id, kind, frame, points, label, version, own }));
    if (left.length) sessionStorage.setItem(this.name, JSON.stringify(left));
    else sessionStorage.removeItem(this.name);
    this.changed();
  }

  async send() {
    if (this.isSending) return;
    this.isSending = true;
    let isReached = true;
    for (const mark of this.unsaved.filter((each) => !each.refused)) isReached = (await this.save(mark)) && isReached;
    this.isSending = false;
    this.keep();
    if (!isReached) setTimeout(() => this.send(), RETRY);
    else if (this.unsaved.some((mark) => !mark.refused)) this.send();
  }

  // Whether the site answered; what it refuses stays, marked as such.
  async save(mark) {
    const edits = mark.edits;
    const { kind, frame, points, label, version, token } = mark;
    try {
      const answer = await this.post(mark.id ? `/studies/marks/${mark.id}/` : this.address, { kind, frame, points, label, version, token });
      if (answer.status === 409) return this.fork(mark, await answer.json());
      if (answer.status === 400) {
        mark.refused = (await answer.json()).error;
        this.say(mark.refused);
        return true;
      }
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const stored = await answer.json();
      if (mark.edits === edits) Object.assign(mark, stored, { unsaved: false });
      else Object.assign(mark, { id: stored.id, version: stored.version });
      this.say("");
      return true;
    } catch {
      this.say("Not saved yet: the site does not answer. It is tried again; do not close this page.");
      return false;
    }
  }

  fork(mark, { error, stored }) {
    const { kind, frame, points, label } = mark;
    Object.assign(mark, stored, { unsaved: false });
    this.add({ kind, frame, points, label });
    this.say(error);
    return true;
  }

  post(address, body) {
    return fetch(address, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRFToken": this.csrf, Accept: "application/json" }, body: JSON.stringify(body) });
  }

  say(text) {
    this.message = text;
    this.changed();
  }
}
