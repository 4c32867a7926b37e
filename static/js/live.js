// A consultation that is still worked on: steps as they come, and the panes again when there is more to read.
const POLL_MS = 2000;
// A proxy that holds a stream back lets nothing through at all.
const SILENT_MS = 4000;
const consultation = () => document.getElementById("consultation");
const say = (text) => {
  document.getElementById("announce").textContent = text;
};

const showSteps = (steps) => {
  for (const step of steps) {
    const row = document.querySelector(`[data-step="${CSS.escape(step.name)}"]`);
    if (!row || row.dataset.state === step.state) continue;
    row.dataset.state = step.state;
    row.querySelector("[data-word]").textContent = step.state;
    row.querySelector("[data-ms]").textContent = step.ms === null ? "" : `${Math.round(step.ms)} ms`;
    if (step.state === "running") say(`${step.label} …`);
  }
};

// What is being read or written in must not be taken from under the reader.
const inUse = (pane) =>
  pane.contains(document.activeElement) && document.activeElement !== pane && document.activeElement.matches("input, textarea, select");

const replacePane = (page, id) => {
  const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
  if (!old || !fresh || inUse(old)) return;
  const top = old.scrollTop;
  old.replaceChildren(...fresh.childNodes);
  old.scrollTop = top;
  window.htmx?.process(old);
};

const refresh = async (parts) => {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of parts) replacePane(page, part);
  const bar = page.querySelector(".case-bar");
  if (bar) document.querySelector(".case-bar").replaceChildren(...bar.childNodes);
  const tab = page.querySelector('[data-pane="evidence"]');
  if (tab) document.querySelector('[data-pane="evidence"]').replaceChildren(...tab.childNodes);
};

export const follow = (afterwards) => {
  const root = consultation();
  if (!root || root.dataset.finished === "1") return;
  let seen = { evidence: Number(root.dataset.evidenceCount), answers: null, status: null };
  let busy = Promise.resolve();

  const take = (progress) => {
    showSteps(progress.steps);
    const answers = JSON.stringify(progress.answers);
    const parts = new Set();
    if (progress.evidence !== seen.evidence) parts.add("pane-evidence");
    if ((seen.answers !== null && answers !== seen.answers) || progress.finished) parts.add("pane-differential").add("pane-evidence");
    if (seen.status !== null && progress.status !== seen.status) parts.add("pane-case").add("pane-differential");
    seen = { evidence: progress.evidence, answers, status: progress.status };
    if (!parts.size) return;
    busy = busy.then(() => refresh(parts)).then(() => {
      afterwards();
      if (progress.finished) say(progress.status === "done" ? "The differential is ready." : "The consultation has ended.");
    });
  };

  const poll = async () => {
    try {
      const response = await fetch(root.dataset.status);
      if (response.ok) {
        const progress = await response.json();
        take(progress);
        if (progress.finished) return;
      }
    } catch {
      // The network is away for a moment: ask again.
    }
    setTimeout(poll, POLL_MS);
  };

  const stream = new EventSource(root.dataset.progress);
  const silent = setTimeout(() => {
    stream.close();
    poll();
  }, SILENT_MS);
  stream.addEventListener("message", (event) => {
    clearTimeout(silent);
    const progress = JSON.parse(event.data);
    if (progress.finished) stream.close();
    take(progress);
  });
  stream.addEventListener("error", () => {
    // Closed for good (a proxy that does not stream, a session that ended): polling goes on where it can.
    if (stream.readyState !== EventSource.CLOSED) return;
    clearTimeout(silent);
    poll();
  });
};
