"""What a desk hands out or sends on paper: a call to complete an application, a refusal, a receipt."""
