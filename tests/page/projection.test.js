// The projection of the radar.

import assert from "node:assert/strict";
import { test } from "node:test";

import { gridProjection, nodeProjection } from "../../service/api/page/static/projection.js";

/** The grids of the DWD composite, in cells of 5 km; see ingest/grid.py. */
const GRIDS = JSON.parse(process.env.NOWCAST_GRIDS ?? "[]");

/** Nodes of the grid of another country, and points that PROJ has computed. */
const NODES = JSON.parse(process.env.NOWCAST_NODES ?? "null");

const SPHERE = {
  projection: "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=10 +x_0=0 +y_0=0 +R=6370040 +units=m",
  west: -523462,
  north: -3758645,
  cell: 5000,
};
const ELLIPSOID = {
  projection:
    "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=10 +a=6378137 +b=6356752.3142451802 " +
    "+x_0=543196.83521776402 +y_0=3622588.8619310018 +no_defs",
  west: -500,
  north: 500,
  cell: 5000,
};

test("degrees become cells and back, on the sphere and on the ellipsoid", () => {
  for (const grid of [SPHERE, ELLIPSOID]) {
    const { toCell, toDegrees } = gridProjection(grid);
    for (let lon = 2; lon <= 19; lon += 0.5) {
      for (let lat = 46; lat <= 56; lat += 0.5) {
        const found = toDegrees(...toCell(lon, lat));
        assert.ok(Math.abs(found[0] - lon) < 1e-9 && Math.abs(found[1] - lat) < 1e-9, `${found}`);
      }
    }
  }
});

test("columns grow to the east and rows to the south", () => {
  const { toCell } = gridProjection(SPHERE);
  const [column, row] = toCell(10, 51);
  assert.ok(toCell(10.1, 51)[0] > column);
  assert.ok(toCell(10, 50.9)[1] > row);
});

test("along the central meridian x is that of the pole", () => {
  const { toCell } = gridProjection(SPHERE);
  for (const lat of [47, 50, 55, 60]) {
    assert.ok(Math.abs(toCell(10, lat)[0] - -SPHERE.west / SPHERE.cell) < 1e-9);
  }
});

test("lengths are true at the latitude of true scale", () => {
  for (const [grid, radius] of [[SPHERE, 6370040], [ELLIPSOID, 6378137]]) {
    const e2 = grid === SPHERE ? 0 : 1 - (6356752.3142451802 / 6378137) ** 2;
    const phi = (60 * Math.PI) / 180;
    const circle = (radius * Math.cos(phi)) / Math.sqrt(1 - e2 * Math.sin(phi) ** 2);
    const { toCell } = gridProjection(grid);
    const [a, b] = [toCell(9.999, 60), toCell(10.001, 60)];
    const metres = Math.hypot(b[0] - a[0], b[1] - a[1]) * grid.cell;
    const expected = circle * 0.002 * (Math.PI / 180);
    assert.ok(Math.abs(metres / expected - 1) < 1e-6, `${metres} m instead of ${expected} m`);
  }
});

test("cells agree with those of PROJ", { skip: !GRIDS.length && "needs NOWCAST_GRIDS" }, () => {
  for (const { grid, points } of GRIDS) {
    const { toCell } = gridProjection(grid);
    for (const { lon, lat, column, row } of points) {
      const [foundColumn, foundRow] = toCell(lon, lat);
      assert.ok(Math.abs(foundColumn - column) < 1e-6, `${foundColumn} is not ${column}`);
      assert.ok(Math.abs(foundRow - row) < 1e-6, `${foundRow} is not ${row}`);
    }
  }
});

test("cells between nodes agree with those of PROJ", { skip: !NODES && "needs NOWCAST_NODES" }, () => {
  const { toCell, toDegrees } = nodeProjection(NODES.positions);
  assert.ok(NODES.points.length > 100);
  for (const { lon, lat, column, row } of NODES.points) {
    const [foundColumn, foundRow] = toCell(lon, lat);
    const where = `${[foundColumn, foundRow]} is not ${[column, row]}`;
    assert.ok(Math.hypot(foundColumn - column, foundRow - row) < 0.05, where);
    const [east, north] = toDegrees(column, row);
    assert.ok(Math.abs(east - lon) < 5e-3 && Math.abs(north - lat) < 2e-3, `${[east, north]}`);
  }
});
