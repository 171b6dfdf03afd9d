/**
 * Lets a test outside a network namespace talk HTTP to a node inside it: unix sockets live in the file system, which namespaces share.
 * Arguments: socket path, loopback port inside the namespace. Ends when its standard input closes.
 */
import { connect, createServer } from "node:net";

const [socketPath, port] = process.argv.slice(2);
const server = createServer((outside) => {
  const inside = connect(Number(port), "127.0.0.1");
  outside.pipe(inside).pipe(outside);
  outside.on("error", () => inside.destroy());
  inside.on("error", () => outside.destroy());
});
server.listen(socketPath);
process.stdin.on("end", () => process.exit(0)).resume();
