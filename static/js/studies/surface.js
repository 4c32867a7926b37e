// Draws a frame through a window: on the graphics card where there is one, else with a table on a plain canvas.
const VERTEX = `#version 300 es
in vec2 corner;
void main() { gl_Position = vec4(corner, 0.0, 1.0); }`;

const fragment = (sampler, colour) => `#version 300 es
precision highp float;
precision highp int;
precision highp ${sampler};
uniform ${sampler} picture;
uniform vec2 size;
uniform vec2 middle;
uniform vec2 scale;
uniform vec2 rescale;
uniform vec2 level;
uniform float inverted;
out vec4 shown;
vec3 stored(ivec2 at) {
  ivec2 edge = ivec2(size) - 1;
  return vec3(texelFetch(picture, clamp(at, ivec2(0), edge), 0).${colour ? "rgb" : "rrr"});
}
void main() {
  vec2 at = (vec2(gl_FragCoord.x, -gl_FragCoord.y) - middle) / scale;
  if (any(lessThan(at, vec2(0.0))) || any(greaterThanEqual(at, size))) { shown = vec4(0.0, 0.0, 0.0, 1.0); return; }
  vec2 corner = floor(at - 0.5);
  vec2 part = at - 0.5 - corner;
  ivec2 c = ivec2(corner);
  vec3 value = mix(mix(stored(c), stored(c + ivec2(1, 0)), part.x), mix(stored(c + ivec2(0, 1)), stored(c + ivec2(1, 1)), part.x), part.y);
  vec3 grey = clamp((value * rescale.x + rescale.y - level.x) / level.y + 0.5, 0.0, 1.0);
  shown = vec4(mix(grey, 1.0 - grey, inverted), 1.0);
}`;

const FORMATS = {
  uint8: ["R8UI", "RED_INTEGER", "UNSIGNED_BYTE", "usampler2D"],
  uint16: ["R16UI", "RED_INTEGER", "UNSIGNED_SHORT", "usampler2D"],
  int16: ["R16I", "RED_INTEGER", "SHORT", "isampler2D"],
  rgb8: ["RGB8UI", "RGB_INTEGER", "UNSIGNED_BYTE", "usampler2D"],
};

class CardSurface {
  constructor(gl, meta) {
    this.gl = gl;
    this.meta = meta;
    this.name = "webgl2";
    const [, , , sampler] = FORMATS[meta.pixels];
    this.program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment(sampler, meta.pixels === "rgb8")]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS)) throw new Error("shader");
    gl.useProgram(this.program);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
    const corner = gl.getAttribLocation(this.program, "corner");
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const name of ["MIN_FILTER", "MAG_FILTER"]) gl.texParameteri(gl.TEXTURE_2D, gl[`TEXTURE_${name}`], gl.NEAREST);
    for (const name of ["WRAP_S", "WRAP_T"]) gl.texParameteri(gl.TEXTURE_2D, gl[`TEXTURE_${name}`], gl.CLAMP_TO_EDGE);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.at = Object.fromEntries(["size", "middle", "scale", "rescale", "level", "inverted"].map((name) => [name, gl.getUniformLocation(this.program, name)]));
  }

  draw(data, view) {
    const { gl, meta } = this;
    if (data !== this.data) {
      const [inner, format, type] = FORMATS[meta.pixels];
      gl.texImage2D(gl.TEXTURE_2D, 0, gl[inner], meta.columns, meta.rows, 0, gl[format], gl[type], data);
      this.data = data;
    }
    const { canvas } = gl;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.uniform2f(this.at.size, meta.columns, meta.rows);
    gl.uniform2f(this.at.middle, view.left, view.top - canvas.height);
    gl.uniform2f(this.at.scale, view.scaleX, view.scaleY);
    gl.uniform2f(this.at.rescale, view.slope, view.intercept);
    gl.uniform2f(this.at.level, view.center, view.width);
    gl.uniform1f(this.at.inverted, view.inverted ? 1 : 0);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }
}

class PlainSurface {
  constructor(canvas, meta) {
    this.context = canvas.getContext("2d", { alpha: false });
    this.meta = meta;
    this.name = "2d";
    this.picture = document.createElement("canvas");
    this.picture.width = meta.columns;
    this.picture.height = meta.rows;
    this.inner = this.picture.getContext("2d", { alpha: false });
    this.image = this.inner.createImageData(meta.columns, meta.rows);
    this.words = new Uint32Array(this.image.data.buffer);
    this.offset = meta.pixels === "int16" ? 32768 : 0;
    this.table = new Uint32Array(meta.pixels.endsWith("8") ? 256 : 65536);
  }

  look(view) {
    const key = [view.slope, view.intercept, view.center, view.width, view.inverted].join();
    if (key === this.key) return;
    this.key = key;
    for (let index = 0; index < this.table.length; index += 1) {
      const value = (index - this.offset) * view.slope + view.intercept;
      let grey = Math.round(Math.min(1, Math.max(0, (value - view.center) / view.width + 0.5)) * 255);
      if (view.inverted) grey = 255 - grey;
      this.table[index] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    }
    this.data = null;
  }

  draw(data, view) {
    this.look(view);
    if (data !== this.data) {
      const { table, words, offset } = this;
      if (this.meta.pixels === "rgb8") {
        for (let index = 0, at = 0; index < words.length; index += 1, at += 3) {
          words[index] = (table[data[at]] & 0xff0000ff) | (table[data[at + 1]] & 0xff00) | (table[data[at + 2]] & 0xff0000);
        }
      } else for (let index = 0; index < words.length; index += 1) words[index] = table[data[index] + offset];
      this.inner.putImageData(this.image, 0, 0);
      this.data = data;
    }
    const { canvas } = this.context;
    this.context.fillRect(0, 0, canvas.width, canvas.height);
    this.context.imageSmoothingQuality = "high";
    this.context.drawImage(this.picture, view.left, view.top, this.meta.columns * view.scaleX, this.meta.rows * view.scaleY);
  }
}

// A card that is played by the processor is slower than the table.
const PLAYED = /swiftshader|llvmpipe|software|basic render/i;

const hasCard = () => {
  const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  if (!gl) return false;
  const more = gl.getExtension("WEBGL_debug_renderer_info");
  const name = `${gl.getParameter(gl.RENDERER)} ${more ? gl.getParameter(more.UNMASKED_RENDERER_WEBGL) : ""}`;
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !PLAYED.test(name);
};

// `?surface=2d` and `?surface=webgl2` in the address choose one.
export const surfaceFor = (canvas, meta) => {
  const wanted = new URLSearchParams(location.search).get("surface");
  if (wanted === "webgl2" || (wanted !== "2d" && hasCard())) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, preserveDrawingBuffer: true });
    if (gl && Math.max(meta.rows, meta.columns) <= gl.getParameter(gl.MAX_TEXTURE_SIZE)) return new CardSurface(gl, meta);
  }
  return new PlainSurface(canvas, meta);
};
