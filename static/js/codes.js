// Codes: a field that suggests terms as one types, after the ARIA pattern of a combobox with a list.
const WAIT = 120;

const lines = (area) => area.value.split("\n").map((line) => line.trim()).filter(Boolean);
const partsOf = (line) => line.split("|").map((part) => part.trim());

export const startCodes = (address) => {
  for (const area of document.querySelectorAll("textarea[data-codes]")) new Codes(area, address);
};

class Codes {
  constructor(area, address) {
    this.area = area;
    this.address = address;
    this.terms = [];
    this.at = -1;
    this.build();
    this.show();
    area.addEventListener("taken-over", () => this.show());
  }

  build() {
    const id = this.area.id;
    this.input = Object.assign(document.createElement("input"), { type: "text", id: `${id}-find`, className: "input", autocomplete: "off" });
    for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": `${id}-options`, "aria-autocomplete": "list", "aria-describedby": `${id}-help ${id}-told` }))
      this.input.setAttribute(name, value);
    this.list = Object.assign(document.createElement("ul"), { id: `${id}-options`, hidden: true });
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "Terms");
    this.told = Object.assign(document.createElement("p"), { id: `${id}-told`, className: "help" });
    this.told.setAttribute("role", "status");
    this.chosen = Object.assign(document.createElement("ul"), { className: "coded" });
    this.chosen.setAttribute("aria-label", "Chosen codes");
    const box = Object.assign(document.createElement("div"), { className: "combobox" });
    box.append(this.input, this.list);
    this.area.before(this.chosen, box, this.told);
    this.area.hidden = true;
    document.querySelector(`label[for="${id}"]`).htmlFor = this.input.id;
    this.input.addEventListener("input", (event) => {
      // What is looked for is no part of the case.
      event.stopPropagation();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.ask(), WAIT);
    });
    this.input.addEventListener("change", (event) => event.stopPropagation());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("blur", () => setTimeout(() => this.close(), 150));
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.take(Number(option.dataset.place));
    });
  }

  async ask() {
    const words = this.input.value.trim();
    if (words.length < 2) {
      this.close();
      return;
    }
    const response = await fetch(`${this.address}?${new URLSearchParams({ q: words })}`, { headers: { Accept: "application/json" } });
    if (!response.ok || this.input.value.trim() !== words) return;
    const answer = await response.json();
    this.terms = answer.terms;
    this.told.textContent = answer.problem ?? (this.terms.length ? `${this.terms.length} terms. Down to choose.` : "No term has these words.");
    this.open();
  }

  open() {
    this.at = -1;
    this.list.replaceChildren(...this.terms.map((term, place) => this.option(term, place)));
    this.list.hidden = !this.terms.length;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.input.removeAttribute("aria-activedescendant");
  }

  option(term, place) {
    const option = Object.assign(document.createElement("li"), { id: `${this.list.id}-${place}` });
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.dataset.place = String(place);
    const code = Object.assign(document.createElement("span"), { className: "code", textContent: ` ${term.system} ${term.code}` });
    option.append(term.by ? `${term.display} (${term.by})` : term.display, code);
    return option;
  }

  close() {
    this.terms = [];
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  key(event) {
    if (event.key === "Escape" && !this.list.hidden) {
      event.stopPropagation();
      this.close();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (this.list.hidden) this.ask();
      else this.move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter") {
      // It never sends the form from here.
      event.preventDefault();
      if (!this.list.hidden) this.take(Math.max(this.at, 0));
    }
  }

  move(step) {
    const count = this.terms.length;
    this.at = (this.at + step + count + (this.at < 0 && step < 0 ? 1 : 0)) % count;
    for (const [place, option] of [...this.list.children].entries()) {
      option.setAttribute("aria-selected", String(place === this.at));
      if (place === this.at) option.scrollIntoView({ block: "nearest" });
    }
    this.input.setAttribute("aria-activedescendant", `${this.list.id}-${this.at}`);
  }

  take(place) {
    const term = this.terms[place];
    if (!term) return;
    const line = `${term.system} | ${term.code} | ${term.display}`;
    if (!lines(this.area).includes(line)) this.write([...lines(this.area), line]);
    this.input.value = "";
    this.told.textContent = `${term.display} added.`;
    this.close();
    this.input.focus();
  }

  write(all) {
    this.area.value = all.join("\n");
    this.show();
    this.area.dispatchEvent(new Event("change", { bubbles: true }));
  }

  show() {
    this.chosen.replaceChildren(
      ...lines(this.area).map((line) => {
        const [system, code, display] = partsOf(line);
        const item = document.createElement("li");
        const shown = Object.assign(document.createElement("span"), { className: "code mono", textContent: `${system} ${code ?? ""}` });
        const remove = Object.assign(document.createElement("button"), { type: "button", className: "icon-button icon-button-small", textContent: "✕" });
        remove.setAttribute("aria-label", `Remove ${display || code || system}`);
        remove.addEventListener("click", () => {
          this.write(lines(this.area).filter((other) => other !== line));
          this.input.focus();
        });
        item.append(display ? `${display} ` : "", shown, remove);
        return item;
      }),
    );
  }
}
