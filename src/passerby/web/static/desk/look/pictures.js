// Frames as pictures: those of the veiled result are held for stepping; those of the original are not held at all.
const HELD = 60;
const AHEAD = 6;

export class Pictures {
  constructor(model) {
    this.model = model;
    this.held = new Map();
    this.coming = new Map();
    this.width = 1280;
    model.on("exported", () => this.forget());
  }

  forget() {
    for (const picture of this.held.values()) picture.close();
    this.held.clear();
  }

  key(frame) { return `${frame}/${this.width}/${this.model.exports}`; }

  /** Return a frame of the veiled result if it is here. */
  at(frame) { return this.held.get(this.key(frame)); }

  /** Fetch a frame of the veiled result. */
  get(frame) {
    const key = this.key(frame);
    if (this.held.has(key)) return Promise.resolve(this.held.get(key));
    if (!this.coming.has(key)) {
      this.coming.set(key, fetched(this.model, frame, "veiled", this.width)
        .then((picture) => this.hold(key, picture))
        .finally(() => this.coming.delete(key)));
    }
    return this.coming.get(key);
  }

  hold(key, picture) {
    this.held.set(key, picture);
    while (this.held.size > HELD) {
      const [oldest, left] = this.held.entries().next().value;
      this.held.delete(oldest);
      left.close();
    }
    return picture;
  }

  /** Fetch the frames that come next, in the direction of going. */
  prefetch(frame, direction) {
    for (let step = 1; step <= AHEAD; step += 1) {
      const next = frame + step * direction;
      if (next >= 0 && next < this.model.frames && this.coming.size < AHEAD) this.get(next).catch(() => {});
    }
  }
}

/** Fetch one frame as a bitmap. */
export async function fetched(model, frame, of, width, signal) {
  const answer = await fetch(`${model.base}/frame/${frame}.jpg?of=${of}&w=${width}&v=${model.exports}`, { cache: "no-store", signal });
  if (!answer.ok) throw new Error((await answer.json()).error);
  return createImageBitmap(await answer.blob());
}
