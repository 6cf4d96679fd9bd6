/** What the tests of bad networks and of TURN use: iproute2, iptables and coturn. */
import { spawnSync } from 'node:child_process';
import { attainable } from './packages.mjs';
import { outerPath, which } from './paths.mjs';
import { SetupError } from './run.mjs';
import { stamp } from './stamp.mjs';

const NAME = 'networks';
/** Not on everybody's PATH. */
const SYSTEM = '/usr/local/sbin:/usr/sbin:/sbin';

/** The path of such a program, if it is there. */
export const findProgram = (name) => which(name, `${outerPath()}:${SYSTEM}`);

const missing = () => ['ip', 'tc', 'iptables', 'turnserver'].filter((name) => !findProgram(name));

let coturnWasThere = false;

export const networks = {
  name: NAME,
  /** Where they can't be had, nothing is wrong: those tests say that they are left out. */
  ready: () => stamp.read(NAME) !== undefined || !attainable(NAME),
  async run() {
    const lacking = missing();
    if (lacking.length > 0) {
      throw new SetupError(`The tests of bad networks and of TURN miss ${lacking.join(', ')}.`, {
        advice: 'In Debian they are in the packages iproute2, iptables and coturn.',
      });
    }
    if (!coturnWasThere) stopService();
    stamp.write(NAME, 'there');
  },
};

export function networksNeeds() {
  coturnWasThere = findProgram('turnserver') !== undefined;
  return networks.ready() || missing().length === 0 ? [] : [NAME];
}

/** Debian starts what it installs. The tests start a coturn of their own; nobody asked for one that listens to the world. */
function stopService() {
  const quietly = { stdio: 'ignore', timeout: 20_000 };
  if (which('systemctl', `${outerPath()}:${SYSTEM}`)) {
    spawnSync('systemctl', ['disable', '--now', 'coturn'], quietly);
  } else spawnSync('/etc/init.d/coturn', ['stop'], quietly);
}
