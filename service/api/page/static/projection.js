// Polar stereographic projection, true at a latitude, as the radar has it: of a sphere or an
// ellipsoid. Source: Snyder 1987, Map Projections - A Working Manual, equations 21-33 to 21-40.

const RADIANS = Math.PI / 180;

/** Ways between degrees and cells (column, row from the north-western corner) of a grid. */
export function projection({ projection: words, west, north, cell }) {
  const said = Object.fromEntries(
    [...words.matchAll(/\+(\w+)=(\S+)/g)].map(([, name, value]) => [name, Number(value)]),
  );
  const a = said.R ?? said.a;
  const e = said.R ? 0 : Math.sqrt(1 - (said.b / said.a) ** 2);
  const x0 = said.x_0 ?? 0;
  const y0 = said.y_0 ?? 0;
  const lon0 = (said.lon_0 ?? 0) * RADIANS;
  const phi0 = said.lat_ts * RADIANS;
  const t = (phi) =>
    Math.tan(Math.PI / 4 - phi / 2) *
    ((1 + e * Math.sin(phi)) / (1 - e * Math.sin(phi))) ** (e / 2);
  const m0 = Math.cos(phi0) / Math.sqrt(1 - (e * Math.sin(phi0)) ** 2);
  const scale = (a * m0) / t(phi0);
  return {
    toCell(lon, lat) {
      const rho = scale * t(lat * RADIANS);
      const angle = lon * RADIANS - lon0;
      const x = x0 + rho * Math.sin(angle);
      const y = y0 - rho * Math.cos(angle);
      return [(x - west) / cell, (north - y) / cell];
    },
    toDegrees(column, row) {
      const x = west + column * cell - x0;
      const y = north - row * cell - y0;
      const known = Math.hypot(x, y) / scale;
      let phi = Math.PI / 2 - 2 * Math.atan(known);
      for (let k = 0; k < 6; k++) {
        const sine = e * Math.sin(phi);
        phi = Math.PI / 2 - 2 * Math.atan(known * ((1 - sine) / (1 + sine)) ** (e / 2));
      }
      return [(lon0 + Math.atan2(x, -y)) / RADIANS, phi / RADIANS];
    },
  };
}
