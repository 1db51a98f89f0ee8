// Polar stereographic projection of the German radar, on a sphere or an ellipsoid, with a latitude
// of true scale. Source: Snyder 1987, Map Projections - A Working Manual, equations 21-33 to 21-40.
// Other countries have any projection: the service sends the positions of nodes.

const RADIANS = Math.PI / 180;

/** Iterations for the latitude on an ellipsoid, exact to less than a millimetre. */
const ITERATIONS = 6;

/**
 * Convert between degrees and cells of a grid; cells are counted from its north-western corner.
 *
 * @param {object} grid - `projection` is a PROJ string; `west`, `north` and `cell` are the edges
 *   and the side of a cell in m.
 */
export function gridProjection({ projection, west, north, cell }) {
  const { radius, eccentricity: e, x0, y0, lon0, trueLatitude } = parseProj(projection);
  const t = (phi) =>
    Math.tan(Math.PI / 4 - phi / 2) *
    ((1 + e * Math.sin(phi)) / (1 - e * Math.sin(phi))) ** (e / 2);
  const m0 = Math.cos(trueLatitude) / Math.sqrt(1 - (e * Math.sin(trueLatitude)) ** 2);
  const scale = (radius * m0) / t(trueLatitude);
  return {
    /** [column, row] at degrees east and north. */
    toCell(lon, lat) {
      const rho = scale * t(lat * RADIANS);
      const angle = lon * RADIANS - lon0;
      const x = x0 + rho * Math.sin(angle);
      const y = y0 - rho * Math.cos(angle);
      return [(x - west) / cell, (north - y) / cell];
    },
    /** [longitude, latitude] in degrees at a column and row. */
    toDegrees(column, row) {
      const x = west + column * cell - x0;
      const y = north - row * cell - y0;
      const target = Math.hypot(x, y) / scale;
      let phi = Math.PI / 2 - 2 * Math.atan(target);
      for (let k = 0; k < ITERATIONS; k++) {
        const sine = e * Math.sin(phi);
        phi = Math.PI / 2 - 2 * Math.atan(target * ((1 - sine) / (1 + sine)) ** (e / 2));
      }
      return [(lon0 + Math.atan2(x, -y)) / RADIANS, phi / RADIANS];
    },
  };
}

/** Steps of Newton's method from the middle of a grid, exact to a thousandth of a cell. */
const STEPS = 8;

/**
 * Convert between degrees and cells by bilinear interpolation between nodes, and beyond them.
 *
 * @param {object} positions - `step` between nodes in cells, `first` [column, row], `shape` [rows,
 *   columns] of nodes, and their `lon` and `lat`, flat, row after row.
 */
export function nodeProjection({ step, first, shape: [rows, columns], lon, lat }) {
  const place = (position, number) => {
    const node = Math.min(Math.max(Math.floor(position), 0), number - 2);
    return [node, position - node];
  };
  const toDegrees = (column, row) => {
    const [i, u] = place((column - first[0]) / step, columns);
    const [j, v] = place((row - first[1]) / step, rows);
    const at = (values) => {
      const [above, below] = [j, j + 1].map((k) => {
        const left = values[k * columns + i];
        return left + u * (values[k * columns + i + 1] - left);
      });
      return above + v * (below - above);
    };
    return [at(lon), at(lat)];
  };
  return {
    toDegrees,
    /** [column, row] at degrees east and north. */
    toCell(east, north) {
      let [column, row] = [first[0] + (step * columns) / 2, first[1] + (step * rows) / 2];
      for (let k = 0; k < STEPS; k++) {
        const [x, y] = toDegrees(column, row);
        const [xRight, yRight] = toDegrees(column + 1, row);
        const [xBelow, yBelow] = toDegrees(column, row + 1);
        const [a, b, c, d] = [xRight - x, xBelow - x, yRight - y, yBelow - y];
        const area = a * d - b * c;
        column += (d * (east - x) - b * (north - y)) / area;
        row += (a * (north - y) - c * (east - x)) / area;
      }
      return [column, row];
    },
  };
}

/** Parameters of a PROJ string, angles in radians. */
function parseProj(text) {
  const parameters = Object.fromEntries(
    [...text.matchAll(/\+(\w+)=(\S+)/g)].map(([, name, value]) => [name, Number(value)]),
  );
  const { R, a, b, x_0: x0 = 0, y_0: y0 = 0, lon_0: lon0 = 0, lat_ts: trueLatitude } = parameters;
  return {
    radius: R ?? a,
    eccentricity: R ? 0 : Math.sqrt(1 - (b / a) ** 2),
    x0,
    y0,
    lon0: lon0 * RADIANS,
    trueLatitude: trueLatitude * RADIANS,
  };
}
