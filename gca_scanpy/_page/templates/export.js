// Saves the shown rows as a file. Python wrote the lines, as in gca.io.to_csv: safe to open in a spreadsheet.

function saveCsv(clusters) {
  const lines = [DATA.csvHeader, ...clusters.map((cluster) => cluster.csv)];
  const address = URL.createObjectURL(new Blob(lines, { type: "text/csv;charset=utf-8" }));
  make("a", { href: address, download: "clusters.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser has read it by then
}
