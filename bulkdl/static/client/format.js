/** Sizes, speeds and times for people, in the words of their language (Intl knows them). */

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** @type {Map<string, Intl.NumberFormat>} */
const formats = new Map();

/**
 * @param {string | undefined} locale
 * @param {string} unit
 * @param {number} digits
 */
function numberFormat(locale, unit, digits) {
  const key = `${locale}|${unit}|${digits}`;
  let format = formats.get(key);
  if (!format) {
    const unitDisplay = unit.startsWith("byte") ? "long" : "short";
    format = new Intl.NumberFormat(locale, {
      style: "unit",
      unit,
      unitDisplay,
      maximumFractionDigits: digits,
    });
    formats.set(key, format);
  }
  return format;
}

/** @param {number} size */
function scale(size) {
  let step = 0;
  let value = size;
  // 999.95 would be shown as 1,000.
  while (value >= 999.5 && step < UNITS.length - 1) {
    value /= 1000;
    step += 1;
  }
  return {
    value,
    unit: UNITS[step],
    digits: step > 1 && value < 99.95 ? 1 : 0,
  };
}

/** "1.2 MB", in powers of 1000 as download managers count. @param {number} size @param {string} [locale] */
export function formatBytes(size, locale) {
  const { value, unit, digits } = scale(size);
  return numberFormat(locale, unit, digits).format(value);
}

/** "12.5 MB/s" @param {number} bytesPerSecond @param {string} [locale] */
export function formatSpeed(bytesPerSecond, locale) {
  const { value, unit, digits } = scale(bytesPerSecond);
  return numberFormat(locale, `${unit}-per-second`, digits).format(value);
}

/**
 * A time to wait, as exactly as anyone believes it: "40 sec", "5 min", "2 hr 10 min".
 *
 * @param {number} seconds
 * @param {string} [locale]
 */
export function formatDuration(seconds, locale) {
  if (seconds < 59.5) return numberFormat(locale, "second", 0).format(Math.max(1, Math.round(seconds)));
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return numberFormat(locale, "minute", 0).format(minutes);
  const hours = numberFormat(locale, "hour", 0).format(Math.floor(minutes / 60));
  return minutes % 60 ? `${hours} ${numberFormat(locale, "minute", 0).format(minutes % 60)}` : hours;
}

/** "1,234" @param {number} count @param {string} [locale] */
export function formatCount(count, locale) {
  return new Intl.NumberFormat(locale).format(count);
}

/** "in 23 hours", "5 minutes ago" @param {Date} when @param {number} now milliseconds since 1970 @param {string} [locale] */
export function formatRelative(when, now, locale) {
  const seconds = (when.getTime() - now) / 1000;
  const [unit, length] = relativeUnit(Math.abs(seconds));
  return new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(Math.trunc(seconds / length), unit);
}

/** @param {number} seconds @returns {[Intl.RelativeTimeFormatUnit, number]} */
function relativeUnit(seconds) {
  if (seconds < 60) return ["second", 1];
  if (seconds < 3600) return ["minute", 60];
  if (seconds < 172_800) return ["hour", 3600];
  return ["day", 86_400];
}
