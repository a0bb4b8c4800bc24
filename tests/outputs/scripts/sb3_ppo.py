"""PPO's boxes (Stable-Baselines3 2)."""

import gymnasium
import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.logger import HumanOutputFormat
from truth import allow, expect

KEPT_OUT = ("time_elapsed", "iterations", "total_timesteps", "n_updates")


class Corridor(gymnasium.Env):
    """Go right."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.time = 0, 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.place += 1 if action else -1
        self.time += 1
        over = abs(self.place) == 5 or self.time == 20
        return np.array([self.place / 5], np.float32), float(self.place == 5), over, False, {}


write = HumanOutputFormat.write


def tell(self, values, excluded, step=0):
    """The values that a box shows."""
    shown = {k: v for k, v in values.items() if isinstance(v, int | float | np.number)}
    shown = {k: v for k, v in shown.items() if "stdout" not in (excluded.get(k) or ())}
    step = int(values["time/total_timesteps"])
    expect({k: v for k, v in shown.items() if not k.endswith(KEPT_OUT)}, step=step)
    allow({k: v for k, v in shown.items() if k.endswith(("iterations", "n_updates"))}, step=step)
    write(self, values, excluded, step)


HumanOutputFormat.write = tell
PPO("MlpPolicy", Corridor(), n_steps=64, batch_size=32, n_epochs=2, verbose=1, seed=0).learn(320)
