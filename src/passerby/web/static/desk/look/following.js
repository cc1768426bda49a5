// A drawn box that the desk follows through the clip: one box after another, as they are found.

/** Give each followed box. Ending the signal stops the desk. */
export async function* follow(model, frame, box, direction, signal) {
  const answer = await fetch(`${model.base}/follow`, {
    method: "POST", signal, cache: "no-store",
    headers: { "Content-Type": "application/json", "X-Passerby-Desk": "1" },
    body: JSON.stringify({ frame, box, direction }),
  });
  if (!answer.ok) throw new Error((await answer.json()).error);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const told = JSON.parse(line);
      if (told.error) throw new Error(told.error);
      yield told;
    }
  }
}
