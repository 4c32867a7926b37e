// Fetches and unpacks frames away from the page, so that scrolling never waits for it.
const ARRAYS = { uint8: Uint8Array, rgb8: Uint8Array, uint16: Uint16Array, int16: Int16Array };

const unpacked = async (packed) => new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();

self.addEventListener("message", async ({ data }) => {
  const { first, many, url, pixels, count } = data;
  try {
    const answer = await fetch(url, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    const body = await answer.arrayBuffer();
    const view = new DataView(body);
    // Each frame is its length and its compressed pixels.
    for (let at = 0, frame = first; frame < first + many; frame += 1) {
      const length = view.getUint32(at, true);
      const buffer = await unpacked(body.slice(at + 4, at + 4 + length));
      if (buffer.byteLength !== count * ARRAYS[pixels].BYTES_PER_ELEMENT) throw new Error("size");
      self.postMessage({ frame, buffer }, [buffer]);
      at += 4 + length;
    }
    self.postMessage({ landed: first, many });
  } catch (error) {
    self.postMessage({ landed: first, many, error: String(error.message) });
  }
});
