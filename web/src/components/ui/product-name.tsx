import { IconPlug } from '@tabler/icons-react';
import classes from './product-name.module.css';

export function ProductName() {
  return (
    <div className={classes['product']}>
      <span className={classes['mark']}>
        <IconPlug size={18} stroke={2} aria-hidden />
      </span>
      <span>
        OmniRoute <span className={classes['second']}>Plugins</span>
      </span>
    </div>
  );
}
