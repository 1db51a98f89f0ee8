// Where the names of towns stand on the map, so that none is cut off or lies under the mark.

/** Pixels between a dot and its label. */
const GAP = 6;

/**
 * Where a label begins, in pixels from the left: right of its dot, or left of it where the map
 * ends. Null where neither side has room, or the dot is not on the map.
 *
 * @param {number} left - The dot, in pixels from the left.
 * @param {number} width - Of the label.
 * @param {number} mapWidth
 * @param {number} [gap] - Pixels between the dot and the label.
 */
export function labelStart(left, width, mapWidth, gap = GAP) {
  if (left < 0 || left > mapWidth) return null;
  if (left + gap + width <= mapWidth) return left + gap;
  return left - gap - width >= 0 ? left - gap - width : null;
}

/**
 * Pixels between the dot of a town and its label: more where the mark of a place is around the dot.
 *
 * @param {number[]} dot - Left and top.
 * @param {number[] | null} mark - Left and top of the middle of the mark.
 * @param {number} radius - Of the mark.
 */
export function labelGap([left, top], mark, radius) {
  if (!mark) return GAP;
  const [across, down] = [mark[0] - left, mark[1] - top];
  const reach = across + radius + GAP / 2;
  return Math.abs(down) < radius && Math.abs(across) < radius + GAP ? Math.max(GAP, reach) : GAP;
}
