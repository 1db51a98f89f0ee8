// Decodes packed fields. The format is described in packed_fields.py of the service.

/** Rain codes are hundredths of mm/h, those of rain sums hundredths of mm. */
export const CODES_PER_MM = 100;
/** The plane of a threshold has this name, followed by the threshold in mm/h. */
export const PROBABILITY_PREFIX = "exceedance_probability_";
/** Thresholds whose probability the page shows, in mm/h; forecasts have more. */
export const SHOWN_THRESHOLDS = [0.5, 2, 5];
/** Planes with codes of two bytes. */
const WIDE = ["rainfall_rate", "precipitation_amount"];
/** Code of rain and of rain sums of a cell without data. */
export const NO_RATE = 0xffff;
/** Probability code (per cent) of a cell without data. */
export const NO_PROBABILITY = 0xff;

/**
 * Decode the body of a response.
 *
 * @param {ArrayBuffer} buffer - Length of the header, header, and the planes one after another.
 * @returns {{header: object, times: number[], planes: object}} Header as sent, valid times in ms
 *   since 1970, and for each plane one array of codes per time, row by row from the north-west.
 */
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const cells = header.shape[0] * header.shape[1];
  const count = header.times.length;
  const planes = {};
  let offset = 4 + length;
  for (const name of header.planes) {
    const isWide = WIDE.includes(name);
    const bytes = new Uint8Array(buffer, offset, cells * count * (isWide ? 2 : 1));
    offset += bytes.length;
    const codes = isWide ? joinBytes(bytes) : bytes;
    planes[name] = header.times.map((_, k) => codes.subarray(k * cells, (k + 1) * cells));
  }
  return { header, times: header.times.map((time) => Date.parse(time)), planes };
}

/** Join the high bytes of all cells and the low bytes of all cells into 16-bit codes. */
function joinBytes(bytes) {
  const count = bytes.length / 2;
  const codes = new Uint16Array(count);
  for (let k = 0; k < count; k++) codes[k] = (bytes[k] << 8) | bytes[count + k];
  return codes;
}
