// Several requests at a time.

const PARALLEL_REQUESTS = 6;

/** Call `load` for each of some items, the last first, a few at a time. */
export async function loadNewestFirst(items, load) {
  const missing = [...items];
  const loadMissing = async () => {
    while (missing.length) await load(missing.pop());
  };
  await Promise.all(Array.from({ length: PARALLEL_REQUESTS }, loadMissing));
}
