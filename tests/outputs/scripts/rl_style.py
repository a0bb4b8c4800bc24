"""As people's reinforcement learning prints."""

from tiny import Regression
from truth import expect

model = Regression()
episode = 0
for epoch in range(2):
    for batch in model.epoch(epoch):
        episode += 1
        reward = 100 * batch.accuracy - 50
        print(f"Episode {episode} | Reward: {reward:.2f} | Epsilon: {batch.lr:.3f} | Steps: 200")
        expect({"reward": reward, "epsilon": batch.lr}, step=episode)
        if episode % 5 == 0:
            print(f"Episode: {episode}\tAverage Score: {reward / 2:.2f}")
            expect({"average_score": reward / 2}, step=episode)
            print(f"global_step={episode * 128}, episodic_return={reward:.1f}")
            expect({"episodic_return": reward}, step=episode * 128)
