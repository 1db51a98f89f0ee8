// Polar stereographic projection of the radar, on a sphere or an ellipsoid, with a latitude of true
// scale. Source: Snyder 1987, Map Projections - A Working Manual, equations 21-33 to 21-40.

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
