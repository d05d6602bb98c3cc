// Reads an AsyncAPI document with the official parser, and prints what that finds wrong with it.
const { Parser } = require("@asyncapi/parser");
const { readFileSync } = require("node:fs");

new Parser().parse(readFileSync(0, "utf8")).then(({ document, diagnostics }) => {
  const problems = diagnostics
    .filter(({ severity }) => severity <= 1) // errors and warnings
    .map(({ path, message }) => `${path.join(".")}: ${message}`);
  console.log(JSON.stringify({ version: document ? document.version() : null, problems }));
});
