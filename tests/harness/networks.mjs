// Two network namespaces with a cable between: the house, where courtierd runs, and a board.
import { PYTHON, run } from './processes.mjs';

const ADMIN = process.getuid?.() === 0 ? [] : ['sudo', '-n'];

async function ip(...args) {
  const [program, ...rest] = [...ADMIN, 'ip', ...args];
  const { code, stderr } = await run(program, rest);
  if (code !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
}

export class Cable {
  /** `boards`: the last numbers of the addresses that the board may speak from. */
  static async lay(t, boards = [2]) {
    const name = `courtier-${process.pid}-${Math.floor(Math.random() * 1e6)}`;
    const cable = new Cable(`${name}-house`, `${name}-board`);
    for (const space of [cable.house, cable.board]) {
      await ip('netns', 'add', space);
      t.after(() => ip('netns', 'del', space));
      await ip('-n', space, 'link', 'set', 'lo', 'up');
    }
    await ip('-n', cable.house, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', cable.board);
    await cable.address(cable.house, 'add', 1);
    for (const board of boards) await cable.address(cable.board, 'add', board);
    for (const space of [cable.house, cable.board]) {
      await ip('-n', space, 'link', 'set', 'eth0', 'up');
      await ip('-n', space, 'route', 'add', '224.0.0.0/4', 'dev', 'eth0');
    }
    return cable;
  }

  constructor(house, board) {
    this.house = house;
    this.board = board;
  }

  address(space, what, last) {
    return ip('-n', space, 'addr', what, `10.77.0.${last}/24`, 'dev', 'eth0');
  }

  /** The network gives the house another address, as a router does after a restart. */
  async move(from, to) {
    await this.address(this.house, 'del', from);
    await this.address(this.house, 'add', to);
    await ip('-n', this.house, 'route', 'replace', '224.0.0.0/4', 'dev', 'eth0');
  }

  /** The board asks for every hardware address anew, as one that was just switched on. */
  forget() {
    return ip('-n', this.board, 'neigh', 'flush', 'dev', 'eth0');
  }

  /** What stands before a program to run it in a namespace. */
  inside(space) {
    return [...ADMIN, 'ip', 'netns', 'exec', space];
  }

  run(space, program, args, options) {
    const [first, ...rest] = [...this.inside(space), program, ...args];
    return run(first, rest, options);
  }

  /** A question by multicast, as a board asks; the answer as one text of bytes. */
  async mdns(question, type) {
    const script = `
import socket, struct, sys
name, kind = sys.argv[1], int(sys.argv[2])
labels = b''.join(bytes([len(part)]) + part.encode() for part in name.split('.')) + b'\\0'
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('10.77.0.2'))
s.bind(('10.77.0.2', 0)); s.settimeout(1)
for _ in range(8):
    s.sendto(struct.pack('>6H', 0, 0, 1, 0, 0, 0) + labels + struct.pack('>2H', kind, 0x8001), ('224.0.0.251', 5353))
    try:
        sys.stdout.write(s.recv(9000).decode('latin-1')); break
    except socket.timeout: pass
`;
    const { stdout, stderr } = await this.run(this.board, PYTHON, ['-c', script, question, String(type)]);
    return stdout || `no answer ${stderr}`;
  }
}
