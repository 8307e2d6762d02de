// Keeps a page up to date with what stands at `url`, for as long as it is not `over`.
// A browser opens six connections to one program, for all its tabs together. At most two of them are
// streams here, of pages that somebody sees; whoever has none asks once a second. So no number of
// tabs keeps the next page waiting. It never gives up: what was refused, cut or asleep is asked again.
const follow = (url, { heard, failed, over, silence }) => {
  const SEATS = ["stream 1", "stream 2"];
  const PAUSE = 1000;
  const onceVisibilityChanges = (act) => {
    document.addEventListener("visibilitychange", act);
    return () => document.removeEventListener("visibilitychange", act);
  };

  // Until the stream has nothing more to say. One that says nothing at all may be dead without knowing.
  const listen = () => new Promise((end) => {
    const stream = new EventSource(url);
    let timer = 0;
    let first = true;
    const close = () => {
      clearTimeout(timer);
      forget();
      stream.close();
      end();
    };
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(close, silence);
    };
    const forget = onceVisibilityChanges(close);
    stream.onerror = close;
    stream.onmessage = (event) => {
      wait();
      // What the first one tells may be older than this stream.
      heard(JSON.parse(event.data), !first);
      first = false;
      if (over()) close();
    };
    wait();
  });

  // A lock is free again when its tab is gone, however it went.
  const listenIfSeated = async () => {
    for (const seat of SEATS) {
      if (document.hidden || !navigator.locks) return;
      const sit = async (lock) => {
        if (lock) await listen();
        return lock !== null;
      };
      if (await navigator.locks.request(seat, { ifAvailable: true }, sit)) return;
    }
  };

  const get = async () => {
    const signal = AbortSignal.timeout(silence);
    const answer = await fetch(url, { headers: { Accept: "application/json" }, signal });
    if (!answer.ok) throw new Error(answer.statusText);
    return answer.json();
  };
  const ask = async () => {
    const told = await get().catch(failed);
    if (told) heard(told, false);
  };

  const pause = () => new Promise((end) => {
    const go = () => {
      clearTimeout(timer);
      forget();
      end();
    };
    const timer = setTimeout(go, PAUSE);
    const forget = onceVisibilityChanges(go);
  });

  const run = async () => {
    while (!over()) {
      await listenIfSeated();
      if (!over()) await ask();
      if (!over()) await pause();
    }
  };
  run();
};
