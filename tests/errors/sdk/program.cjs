// A program with @sentry/node in it, which fails in the ways that programs fail. node program.cjs DSN
const http = require("node:http");
const Sentry = require("@sentry/node");

Sentry.init({
  dsn: process.argv[2],
  release: "shop-node@1.2.0",
  environment: "staging",
  tracesSampleRate: 1.0,
  enableLogs: true,
  sendClientReports: true,
  beforeSend: (event) => (event.message === "never sent" ? null : event),
});
Sentry.setUser({ id: "u-17", email: "ada@example.test", username: "ada" });
Sentry.setTag("checkout", "card");
Sentry.setExtra("cart", "x".repeat(60_000)); // over 32 KB the SDK compresses, and sends in chunks

function charge() {
  try {
    throw new TypeError("card 4111 1111 1111 1111 was refused");
  } catch (cause) {
    throw new Error("the charge failed", { cause });
  }
}

async function serve() {
  const server = http.createServer((request, response) => {
    Sentry.captureException(new RangeError("no such order"));
    response.end("sorry");
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  await fetch(`http://127.0.0.1:${server.address().port}/orders/12?token=s3cret-s3cret`);
  server.close();
}

async function main() {
  try {
    charge();
  } catch (error) {
    Sentry.captureException(error);
  }
  Sentry.captureMessage("the queue is long", "warning");
  Sentry.captureMessage("never sent");
  Sentry.logger.info("a log line, which is nobody's error");
  Sentry.startSpan({ name: "a transaction" }, () => {});
  await serve();
  await Sentry.withMonitor("nightly-report", async () => {}, {
    schedule: { type: "crontab", value: "0 4 * * *" },
    checkinMargin: 5,
    maxRuntime: 10,
    timezone: "Europe/Berlin",
  });
  const asked = Sentry.captureException(new Error("asked about"));
  Sentry.captureFeedback({
    name: "Ada Lovelace",
    email: "ada@example.test",
    message: "Ada Lovelace here: I paid twice, write to ada@example.test",
    associatedEventId: asked,
  });
  Promise.reject(new SyntaxError("a promise that nobody held"));
  await new Promise((later) => setTimeout(later, 50));
  await Sentry.close(10_000); // sends the client report too
}

main();
