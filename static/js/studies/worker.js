// Fetches and unpacks frames away from the page, so that scrolling never waits for it.
const ARRAYS = { uint8: Uint8Array, rgb8: Uint8Array, uint16: Uint16Array, int16: Int16Array };

self.addEventListener("message", async ({ data }) => {
  const { frame, url, pixels, count } = data;
  try {
    const answer = await fetch(url, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    const buffer = await answer.arrayBuffer();
    if (buffer.byteLength !== count * ARRAYS[pixels].BYTES_PER_ELEMENT) throw new Error("size");
    self.postMessage({ frame, buffer }, [buffer]);
  } catch (error) {
    self.postMessage({ frame, error: String(error.message) });
  }
});
